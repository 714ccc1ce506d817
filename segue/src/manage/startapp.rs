//! `startapp`: the files of a new app.

mod register;

use std::fs;
use std::path::{Path, PathBuf};

use console::style;

use super::CommandResult;
use super::context::Sources;
use super::migrations_list;
use super::scaffold::{Draft, NameOf, check_name, write};

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the app, an identifier
    name: String,

    /// Add the app to src/lib.rs; otherwise the lines to add are shown
    #[arg(long)]
    register: bool,
}

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> CommandResult {
    let name = arguments.name.as_str();
    check_name(name, NameOf::App)?;
    let folder = project_folder(sources)?;
    if is_the_project(&folder, name) {
        return Err(format!("{name:?} is the name of the project; an app needs another").into());
    }
    let source = folder.join("src");
    let lib = source.join("lib.rs");
    // Whether that can be done is known before anything is written.
    let registered = match arguments.register {
        true => Some(register::in_lib(&read(&lib)?, name).map_err(|reason| {
            format!("{}: {reason}; without --register the lines to add are shown", lib.display())
        })?),
        false => None,
    };
    if source.join(name).join("mod.rs").exists() {
        return Err(format!("src/{name}/mod.rs is there already: a module has this name").into());
    }
    write(&drafts(name, &source))?;
    say!("Created the app {} in src/{name}", style(name).bold());
    match registered {
        Some(text) => {
            fs::write(&lib, text)
                .map_err(|error| format!("cannot write {}: {error}", lib.display()))?;
            say!("Added it to src/lib.rs");
        }
        None => {
            say!(
                "\nAdd it to src/lib.rs, where INSTALLED_APPS holds the apps that there are already:"
            );
            say!("\n    pub mod {name};");
            say!("\n    pub const INSTALLED_APPS: &[App] = &[{name}::APP];");
        }
    }
    Ok(())
}

fn drafts(name: &str, source: &Path) -> Vec<Draft> {
    let draft = |path: String, template: &str| Draft {
        path: source.join(path),
        text: template.replace("{{ app_name }}", name),
    };
    vec![
        draft(format!("{name}.rs"), include_str!("scaffold/app/app.rs-tpl")),
        draft(format!("{name}/views.rs"), include_str!("scaffold/app/views.rs-tpl")),
        draft(format!("{name}/migrations.rs"), &migrations_list::render(&[])),
    ]
}

/// The folder of the project: that of the program, or the current one where there is none.
fn project_folder(sources: &Sources) -> Result<PathBuf, String> {
    let folder = sources.base_dir.clone().unwrap_or_default();
    match folder.join("Cargo.toml").is_file() && folder.join("src").is_dir() {
        true => Ok(folder),
        false if sources.base_dir.is_some() => Err(format!(
            "the sources of the project are not in {}: an app is started where they are",
            folder.display()
        )),
        false => Err("there is no project in this folder (no Cargo.toml and src): go to its \
                      folder, or begin one with `segue startproject NAME`"
            .to_owned()),
    }
}

/// Its library has the name of its package, so a module of this name would hide it.
fn is_the_project(folder: &Path, name: &str) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line == format!("name = \"{name}\""))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
