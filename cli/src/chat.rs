use std::process::ExitCode;
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> Result<ExitCode, String> {
    Ok(ExitCode::SUCCESS)
}
