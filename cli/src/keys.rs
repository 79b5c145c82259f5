pub(crate) fn print_providers() {}
