//! Builds the dashboard: a folder of static files for any host, or for the tool to embed.
//!
//! Trunk compiles, joins and names the files by their content. What it cannot do is done here:
//!
//! * The wasm is made small by wasm-opt, and named by what it is then.
//! * The style sheets become one: fewer to ask for, and smaller together than each by itself.
//! * A page must have no inline script, so its start script is moved to a file of its own, and the policy
//!   that forbids any other is put in. It allows requests to the public hosts; `ocuroot state view
//!   --export` writes a policy for the hosts of a team's own `stores.json`.
//!
//! All addresses are relative, and what a page shows is in the query of its address, so the folder works
//! from any path of any host that serves files.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::project::{self, Failure, Outcome, Project};
use crate::setup::{self, WASM_OPT};

/// How the dashboard is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// Nothing but the page's own files, and requests only to where it came from and to the public hosts.
/// `frame-ancestors` means nothing in a page: whoever wants it sends it as a header.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self'; connect-src 'self' https://api.github.com \
                      https://raw.githubusercontent.com https://gitlab.com; base-uri 'none'; form-action 'none'";

/// Which stores a page offers, to be copied to `stores.json` and changed. A page without that file takes
/// its store from the address.
const SAMPLE: &str = r#"{
  "stores": [
    {
      "name": "acme/shop",
      "source": "github:acme/shop",
      "state": "ocuroot/state",
      "intent": "ocuroot/intent"
    }
  ]
}
"#;

/// What rustc lets wasm use by itself, as wasm-opt calls it.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Prints how large the files are, and how large they travel.
const SIZES: &str = "const fs = require('fs'), zlib = require('zlib');\
let all = [0, 0];\
for (const name of fs.readdirSync('.').sort()) {\
  const bytes = fs.readFileSync(name);\
  const small = zlib.brotliCompressSync(bytes, {params: {[zlib.constants.BROTLI_PARAM_QUALITY]: 11}}).length;\
  all = [all[0] + bytes.length, all[1] + small];\
  const kb = (n) => (n / 1000).toFixed(1).padStart(9) + ' KB';\
  console.log(kb(bytes.length) + kb(small) + ' brotli  ' + name);\
}\
console.log('together: ' + (all[0] / 1000).toFixed(1) + ' KB, ' + (all[1] / 1000).toFixed(1) + ' KB brotli');";

/// Builds the dashboard and returns its folder.
///
/// # Errors
///
/// When it does not compile, or the page is not as expected.
pub(crate) fn run(project: &Project, profile: Profile) -> Outcome<PathBuf> {
    setup::run(project, setup::For::Bundle)?;
    let bundle = project.target().join("bundle");
    let mut trunk = project.command("trunk");
    trunk
        .args(["build", "--offline", "--dist"])
        .arg(&bundle)
        .args(match profile {
            Profile::Dev => &[] as &[&str],
            Profile::Release => &["--release", "--cargo-profile", "web"],
        })
        // Trunk reads this variable as a flag of its own and accepts only true and false.
        .env_remove("NO_COLOR");
    project::run(&mut trunk)?;
    let index = bundle.join("index.html");
    let mut page = project::read(&index)?;
    let has_node = project.which(&["npm"]).is_some();
    if profile == Profile::Release && has_node {
        page = shrink(project, &bundle, &page)?;
    }
    page = join_styles(&bundle, &page)?;
    let Hardened { page, script, name } = split(&page).ok_or_else(|| {
        Failure::new(
            format!("{} is not as this chore expects it", index.display()),
            "has trunk's output changed? See xtask/src/bundle.rs",
        )
    })?;
    project::write(&bundle.join(name), &script)?;
    project::write(&index, &page)?;
    project::write(&bundle.join("stores.sample.json"), SAMPLE)?;
    if profile == Profile::Release && has_node {
        project::run(project.command("node").args(["-e", SIZES]).current_dir(&bundle))?;
    }
    if profile == Profile::Release && !has_node {
        println!("There is no npm to get wasm-opt from, so the dashboard is larger than it could be.");
    }
    println!("The dashboard is in {}", bundle.display());
    Ok(bundle)
}

/// Makes the bundle's wasm small. Returns the page, which names it.
fn shrink(project: &Project, bundle: &Path, page: &str) -> Outcome<String> {
    let files = std::fs::read_dir(bundle).map_err(|e| project::file("list", bundle, &e))?;
    let mut page = page.to_owned();
    for file in files {
        let path = file.map_err(|e| project::file("list", bundle, &e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.ends_with(".wasm") {
            continue;
        }
        let small = bundle.join(".small");
        let wasm_opt = project.root().join(WASM_OPT).join("node_modules/binaryen/bin/wasm-opt");
        let node = |wasm_opt: &Path| {
            let mut node = project.command("node");
            node.arg(wasm_opt).arg("-Oz").args(FEATURES).arg(&path).arg("-o").arg(&small);
            project::run(&mut node)
        };
        node(&wasm_opt)?;
        let bytes = std::fs::read(&small).map_err(|e| project::file("read", &small, &e))?;
        // The part of the name that stands for the content before.
        let stem = name.strip_suffix("_bg.wasm").unwrap_or(name.trim_end_matches(".wasm"));
        let kept = stem.rsplit_once('-').map_or(stem, |(kept, _)| kept);
        let new = format!("{kept}-{}_bg.wasm", hash(&bytes));
        let to = bundle.join(&new);
        std::fs::rename(&small, &to).map_err(|e| project::file("write", &to, &e))?;
        if to != path {
            std::fs::remove_file(&path).map_err(|e| project::file("remove", &path, &e))?;
        }
        page = page.replace(&name, &new);
    }
    Ok(page)
}

/// Makes one style sheet of those that the page names, in their order. Returns the page, which names it.
fn join_styles(bundle: &Path, page: &str) -> Outcome<String> {
    let (page, names) = without_styles(page);
    let mut all = String::new();
    for name in names {
        let path = bundle.join(name);
        all += &plain_style(&project::read(&path)?);
        std::fs::remove_file(&path).map_err(|e| project::file("remove", &path, &e))?;
    }
    let name = format!("app-{}.css", hash(all.as_bytes()));
    project::write(&bundle.join(&name), &all)?;
    Ok(page.replacen("</head>", &format!("<link rel=\"stylesheet\" href=\"./{name}\">\n</head>"), 1))
}

/// A page without its style sheets, and their names.
fn without_styles(page: &str) -> (String, Vec<&str>) {
    let (mut rest, mut kept, mut names) = (page, String::new(), Vec::new());
    while let Some((before, after)) = rest.split_once("<link rel=\"stylesheet\" href=\"./") {
        let (name, after) = after.split_once('"').unwrap_or((after, ""));
        let (_, after) = after.split_once('>').unwrap_or((after, ""));
        kept += before;
        names.push(name);
        rest = after;
    }
    (kept + rest, names)
}

/// A style sheet without its comments and indents.
fn plain_style(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain += part.split_once("*/").map_or("", |(_, after)| after);
    }
    let lines = plain.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// Tells one content from the next.
fn hash(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

struct Hardened {
    page: String,
    script: String,
    name: String,
}

fn split(page: &str) -> Option<Hardened> {
    let (before, rest) = page.split_once("<script type=\"module\">")?;
    let (script, after) = rest.split_once("</script>")?;
    if after.contains("<script") || !script.contains("from './") {
        return None;
    }
    let name = format!("start-{}.js", hash(script.as_bytes()));
    let page = format!("{before}<script type=\"module\" src=\"./{name}\"></script>{after}");
    let policy = format!("<head>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">");
    Some(Hardened { page: page.replacen("<head>", &policy, 1), script: script.to_owned(), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_sheets_become_one() {
        let link = |name: &str| format!("<link rel=\"stylesheet\" href=\"./{name}\" integrity=\"x\"/>");
        let page = format!("<head>a{}b{}</head>", link("one.css"), link("two.css"));
        assert_eq!(without_styles(&page), ("<head>ab</head>".to_owned(), vec!["one.css", "two.css"]));
        assert_eq!(plain_style("/* a */\nb {\n  c: d\n}\n\n/* e\n*/ f{}\n"), "b {\nc: d\n}\nf{}\n");
    }

    #[test]
    fn the_inline_script_moves_out() {
        let page = "<head>\n<script type=\"module\">\nimport init from './app-1f.js';\n</script>\n</head>";
        let hardened = split(page).unwrap();
        let name = &hardened.name;
        assert!(name.starts_with("start-") && name.ends_with(".js") && name.len() == 25, "{name}");
        assert_eq!(hardened.script, "\nimport init from './app-1f.js';\n");
        assert!(
            hardened.page.ends_with(&format!("<script type=\"module\" src=\"./{name}\"></script>\n</head>"))
        );
        assert!(hardened.page.starts_with("<head>\n<meta http-equiv=\"Content-Security-Policy\""));
        assert!(hardened.page.contains("connect-src 'self' https://api.github.com"));
        // Another wasm under another name makes it another script, which must not keep its name.
        assert_ne!(split(&page.replace("1f", "2f")).unwrap().name, *name);
        assert!(split("<head></head>").is_none());
    }
}
