//! The help of every command. `docs/cli.md` is what `ocuroot man --markdown` prints, so a change
//! of a flag or a word of help shows up there and is reviewed.

use crate::world::World;

#[test]
fn the_reference_in_docs_is_that_of_this_build() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let world = World::new("");
    let printed = world.ok("man --markdown").stdout;
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == printed,
        "docs/cli.md is not what this build prints; write it anew with:\n  cargo run -p ocuroot -- man --markdown > docs/cli.md"
    );
}

#[test]
fn every_command_has_help_of_its_own() {
    let world = World::new("");
    let reference = world.ok("man --markdown").stdout;
    let commands: Vec<&str> = reference.lines().filter_map(|line| line.strip_prefix("## ocuroot")).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--help");
        let run = world.run(&words);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{words:?}");
        assert!(run.stdout.contains(&format!("Usage: ocuroot{command}")), "{}", run.text());
        // The first line says what it does, and every argument and option says what it is.
        assert!(run.stdout.lines().next().is_some_and(|line| line.len() > 10), "{}", run.text());
        words.pop();
        words.push("-h");
        assert_eq!(world.run(&words).code, 0);
    }
}

#[test]
fn completions_and_the_man_page() {
    let world = World::new("");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(world.ok(&format!("completions {shell}")).stdout.contains("ocuroot"), "{shell}");
    }
    assert!(world.ok("man").stdout.contains(".TH ocuroot"));
    assert_eq!(world.ok("version").stdout, format!("{}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(world.ok("--version").stdout, format!("ocuroot {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(world.run(&[]).code, 2);
}
