//! Lists what the tool is built from, as a CycloneDX bill of materials.
//!
//! Cargo knows the graph and the licences (`cargo tree`), the lock file the checksums. The same
//! commit on the same kind of machine gives the same bytes: no time and no serial number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::project::{self, Failure, Outcome, Project};

/// Writes the bill of materials of the `ocuroot` binary to `file`.
///
/// # Errors
///
/// When cargo cannot list the dependencies, or the file cannot be written.
pub(crate) fn run(project: &Project, file: &str) -> Outcome {
    let tree = project::output(
        project
            .cargo("tree --locked --package ocuroot --edges normal,build --prefix depth --format")
            .arg("{p}\t{l}"),
    )?;
    let graph = Graph::parse(&tree).ok_or_else(|| {
        Failure::new(
            "`cargo tree` printed something unexpected",
            "has its format changed? See xtask/src/sbom.rs",
        )
    })?;
    let lock = project::read(&project.root().join("Cargo.lock"))?;
    project::write(Path::new(file), &graph.to_json(&checksums(&lock)))?;
    println!("{file}: {} components", graph.licences.len());
    Ok(())
}

/// A crate at a version.
type Package = (String, String);

struct Graph {
    root: Package,
    licences: BTreeMap<Package, String>,
    edges: BTreeSet<(Package, Package)>,
}

impl Graph {
    /// Reads lines of `<depth><name> v<version> …\t<licence>`, parents before children; a package
    /// that was listed before ends in `(*)` and is not followed again.
    fn parse(tree: &str) -> Option<Self> {
        let mut licences = BTreeMap::new();
        let mut edges = BTreeSet::new();
        let mut above: Vec<Package> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let digits = line.find(|c: char| !c.is_ascii_digit())?;
            let (depth, rest) = line.split_at_checked(digits)?;
            let (package, licence) = rest.split_once('\t')?;
            let mut words = package.split(' ');
            let name = words.next()?.to_owned();
            let version = words.next()?.strip_prefix('v')?.to_owned();
            let package = (name, version);

            above.truncate(depth.parse().ok()?);
            if let Some(parent) = above.last() {
                edges.insert((parent.clone(), package.clone()));
            }
            above.push(package.clone());
            let licence = licence.trim_end_matches("(*)").trim().replace('/', " OR ");
            licences.insert(package, licence);
        }
        let root = above.first()?.clone();
        Some(Self { root, licences, edges })
    }

    fn to_json(&self, checksums: &BTreeMap<Package, String>) -> String {
        let component = |kind: &str, package: &Package, indent: &str| {
            let (name, version) = package;
            let mut json = format!(
                "{indent}{{ \"type\": {}, \"bom-ref\": {}, \"name\": {}, \"version\": {}, \"purl\": {}",
                string(kind),
                string(&purl(package)),
                string(name),
                string(version),
                string(&purl(package)),
            );
            if let Some(licence) = self.licences.get(package).filter(|l| !l.is_empty()) {
                let _ = write!(json, ", \"licenses\": [{{ \"expression\": {} }}]", string(licence));
            }
            if let Some(sum) = checksums.get(package) {
                let _ =
                    write!(json, ", \"hashes\": [{{ \"alg\": \"SHA-256\", \"content\": {} }}]", string(sum));
            }
            json + " }"
        };
        let components: Vec<String> = self
            .licences
            .keys()
            .filter(|package| **package != self.root)
            .map(|package| component("library", package, "    "))
            .collect();
        let dependencies: Vec<String> = self
            .licences
            .keys()
            .map(|package| {
                let on: Vec<String> = self
                    .edges
                    .iter()
                    .filter(|(from, _)| from == package)
                    .map(|(_, to)| string(&purl(to)))
                    .collect();
                format!("    {{ \"ref\": {}, \"dependsOn\": [{}] }}", string(&purl(package)), on.join(", "))
            })
            .collect();
        format!(
            "{{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n  \
             \"metadata\": {{\n    \"component\":\n{}\n  }},\n  \"components\": [\n{}\n  ],\n  \
             \"dependencies\": [\n{}\n  ]\n}}\n",
            component("application", &self.root, "      "),
            components.join(",\n"),
            dependencies.join(",\n"),
        )
    }
}

/// The name of a crate in the world of packages (package-url.org).
fn purl((name, version): &Package) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// The checksums of a lock file.
fn checksums(lock: &str) -> BTreeMap<Package, String> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let field = |key: &str| {
                let value = package.lines().find_map(|line| line.strip_prefix(key))?;
                Some(value.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
            };
            Some(((field("name")?, field("version")?), field("checksum")?))
        })
        .collect()
}

/// A JSON string.
fn string(text: &str) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
0ocuroot v0.4.0 (/x)\tApache-2.0
1a v1.0.0\tMIT/Apache-2.0
2b v2.0.0+1 (proc-macro)\tMIT
1b v2.0.0+1 (proc-macro)\tMIT (*)
";

    #[test]
    fn the_tree_becomes_a_graph() {
        let graph = Graph::parse(TREE).unwrap();
        let package = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let (root, a, b) = (package("ocuroot", "0.4.0"), package("a", "1.0.0"), package("b", "2.0.0+1"));
        assert_eq!(graph.root, root);
        assert_eq!(graph.licences[&a], "MIT OR Apache-2.0");
        assert_eq!(graph.licences[&b], "MIT");
        let edges = [(a.clone(), b.clone()), (root.clone(), a), (root, b)];
        assert_eq!(graph.edges, edges.into());
    }

    #[test]
    fn checksums_are_found_by_name_and_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ff\"\n\n[[package]]\nname = \"own\"\nversion = \"0.4.0\"\n";
        let sums = checksums(lock);
        assert_eq!(sums.len(), 1);
        assert_eq!(sums[&("a".to_owned(), "1.0.0".to_owned())], "ff");
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(string("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
        assert_eq!(purl(&("b".into(), "2.0.0+1".into())), "pkg:cargo/b@2.0.0%2B1");
    }
}
