//! How a repo is built, read off the files at its top.

/// A way to build, known by a file.
struct Way {
    file: &'static str,
    lines: &'static [&'static str],
}

/// In the order of what says most.
const WAYS: &[Way] = &[
    Way { file: "package.json", lines: &["npm test --if-present", "npm run build --if-present"] },
    Way { file: "Cargo.toml", lines: &["cargo test --locked", "cargo build --locked --release"] },
    Way { file: "go.mod", lines: &["go vet ./...", "go build ./..."] },
    Way { file: "pyproject.toml", lines: &["python3 -m pip wheel --quiet --no-deps --wheel-dir dist ."] },
    Way { file: "pom.xml", lines: &["mvn --batch-mode verify"] },
    Way { file: "build.gradle", lines: &["./gradlew build"] },
    Way { file: "build.gradle.kts", lines: &["./gradlew build"] },
];

/// What installs a Node.js package's dependencies, by its lock file.
const NODE: &[(&str, &str)] = &[
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
    ("yarn.lock", "yarn install --frozen-lockfile"),
    ("package-lock.json", "npm ci"),
];

/// The body of `build` in a release file: what the files at the top suggest. Where they suggest nothing,
/// or several things, it builds nothing, and names them in comments.
pub(super) fn build(files: &[String], name: &str) -> String {
    let has = |file: &str| files.iter().any(|there| there == file);
    let shell = |line: &str| format!("shell(\"{line}\")");
    if has("Dockerfile") {
        return [
            "tag = shell(\"git rev-parse --short HEAD\", mute = True).stdout.strip()".to_owned(),
            format!("shell(\"docker build --tag {name}:%s .\" % tag)"),
            format!("# shell(\"docker push {name}:%s\" % tag)"),
        ]
        .join("\n");
    }
    let mut ways: Vec<Vec<String>> = Vec::new();
    for way in WAYS.iter().filter(|way| has(way.file)) {
        let mut lines = Vec::new();
        if way.file == "package.json" {
            let install = NODE
                .iter()
                .find(|(lock, _)| has(lock))
                .map_or("npm install --no-package-lock", |(_, line)| line);
            lines.push(shell(install));
        }
        lines.extend(way.lines.iter().map(|line| shell(line)));
        ways.push(lines);
    }
    if ways.is_empty() && has("Makefile") {
        ways.push(vec![shell("make")]);
    }
    match ways.as_slice() {
        [one] => one.join("\n"),
        [] => "# What makes something of the sources that can be deployed, for example:\n# shell(\"make\")\nprint(\"nothing to build yet\")".to_owned(),
        many => {
            let lines = many.iter().flatten().map(|line| format!("# {line}"));
            let head = "# Several things could be built here: what belongs to this release?".to_owned();
            let end = "print(\"nothing to build yet\")".to_owned();
            std::iter::once(head).chain(lines).chain([end]).collect::<Vec<_>>().join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::build;

    #[test]
    fn what_is_there_says_how_it_is_built() {
        for (files, part) in [
            ("Dockerfile package.json", "shell(\"docker build --tag shop:%s .\" % tag)"),
            ("package.json", "shell(\"npm install --no-package-lock\")\nshell(\"npm test"),
            ("package.json yarn.lock", "shell(\"yarn install --frozen-lockfile\")\n"),
            ("Cargo.toml Makefile", "shell(\"cargo build --locked --release\")"),
            ("go.mod", "shell(\"go vet ./...\")"),
            ("pyproject.toml", "shell(\"python3 -m pip wheel"),
            ("Makefile", "shell(\"make\")"),
            ("README.md sub/Cargo.toml", "# shell(\"make\")\nprint("),
            ("Cargo.toml go.mod", "# shell(\"cargo test --locked\")"),
        ] {
            let files: Vec<String> = files.split(' ').map(str::to_owned).collect();
            let built = build(&files, "shop");
            assert!(built.contains(part), "{files:?}: {built}");
        }
    }
}
