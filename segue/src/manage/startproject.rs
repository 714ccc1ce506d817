//! `startproject`: the files of a new project.

use std::path::{Path, PathBuf};

use console::style;

use super::CommandResult;
use super::scaffold::{Draft, NameOf, check_name, write};
use crate::printable::printable;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The name of the project, an identifier
    name: String,

    /// The folder for its files [default: a new one of the project's name]
    directory: Option<PathBuf>,

    /// Take Segue from this folder and not from the registry
    #[arg(long, value_name = "FOLDER")]
    segue_path: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> CommandResult {
    let name = arguments.name.as_str();
    check_name(name, NameOf::Project)?;
    let folder = match &arguments.directory {
        Some(folder) => folder.clone(),
        None if Path::new(name).exists() => {
            let mend = format!("`startproject {name} {name}` puts the project into it");
            return Err(format!("{name} is there already; {mend}").into());
        }
        None => PathBuf::from(name),
    };
    let segue = match &arguments.segue_path {
        Some(folder) => in_folder(folder)?,
        None => format!("version = \"{}\"", env!("CARGO_PKG_VERSION")),
    };
    write(&drafts(name, &folder, &segue))?;
    let shown = |path: &Path| printable(&path.display().to_string());
    say!("Created the project {} in {}", style(name).bold(), shown(&folder));
    if let Some(manifest) = workspace_around(&folder) {
        warn_user!(
            "{} is a workspace: add the project to its members, or start it outside.",
            shown(&manifest)
        );
    }
    say!("\nWhat comes next:");
    if folder != Path::new(".") {
        say!("    cd {}", shown(&folder));
    }
    say!("    cargo run                          # http://127.0.0.1:8000");
    say!("    cargo run -- startapp NAME");
    Ok(())
}

fn drafts(name: &str, folder: &Path, segue: &str) -> Vec<Draft> {
    let draft = |path: &str, template: &str| Draft {
        path: folder.join(path),
        text: template.replace("{{ project_name }}", name).replace("{{ segue }}", segue),
    };
    vec![
        draft("Cargo.toml", include_str!("scaffold/project/Cargo.toml-tpl")),
        draft("settings.toml", include_str!("scaffold/project/settings.toml-tpl")),
        draft(".gitignore", include_str!("scaffold/project/gitignore-tpl")),
        draft("src/main.rs", include_str!("scaffold/project/main.rs-tpl")),
        draft("src/lib.rs", include_str!("scaffold/project/lib.rs-tpl")),
        draft("src/urls.rs", include_str!("scaffold/project/urls.rs-tpl")),
    ]
}

/// Where Cargo finds Segue, if not in the registry.
fn in_folder(folder: &Path) -> Result<String, String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if !manifest.lines().any(|line| line == "name = \"segue\"") {
        let folder = folder.display();
        return Err(format!(
            "--segue-path: the crate segue is not in {folder}: name its own folder"
        ));
    }
    // A literal string of TOML has no escapes.
    let folder = folder.to_str().filter(|folder| !folder.contains(['\'', '\n']));
    let folder = folder.ok_or("--segue-path: Cargo.toml cannot hold this path")?;
    Ok(format!("path = '{folder}'"))
}

/// The manifest of a workspace that the folder lies in, whose Cargo would complain.
fn workspace_around(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().skip(1).map(|folder| folder.join("Cargo.toml")).find(|manifest| {
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        text.lines().any(|line| line.trim_end() == "[workspace]")
    })
}
