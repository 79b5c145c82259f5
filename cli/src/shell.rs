//! `samewire completions` and `samewire man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::print;

#[derive(Args, Debug)]
pub(crate) struct CompletionArguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn completions(arguments: &CompletionArguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "samewire", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// One page for all commands: a page each would need a folder.
pub(crate) fn man() -> Result<(), Failure> {
    let mut command = crate::Arguments::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let man = clap_mangen::Man::new(subcommand.clone());
        let name = subcommand.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH \"SAMEWIRE {name}\"\n").as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    print(&String::from_utf8_lossy(&page))
}
