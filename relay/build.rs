//! A release relay carries the web UI; one built without it would serve nobody, so such a build fails and says what to run.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        // A debug relay reads the bundle from disk when it is asked for a page.
        return;
    }
    println!("cargo::rerun-if-changed=web/dist");
    if !Path::new("web/dist/index.html").exists() {
        println!(
            "cargo::error=the web UI has not been built: run `scripts/up`, or `npm --prefix relay/web ci && npm --prefix relay/web run build`"
        );
    }
}
