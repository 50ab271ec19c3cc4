//! What a function must not be able to read while it is bundled.

use std::fs;
use std::os::unix::fs::symlink;

use crate::bed::Bed;

const SECRET: &str = "the-secret-of-another";

#[tokio::test]
async fn nothing_outside_the_functions_folder_is_ever_bundled() {
    let bed = Bed::started();
    let text = format!("export const secret = \"{SECRET}\";");
    bed.write("other/secret.ts", &text).write("other/index.ts", "export default 1");
    bed.write("_lib/secret.ts", &text)
        .write("secret.txt", SECRET)
        .write("node_modules/shared/index.js", &text);
    fs::write(bed.path("secret.ts"), &text).unwrap();
    let outside = bed.path("secret.ts");
    let attempts: [(&str, String); 10] = [
        ("passwd", "import x from \"/etc/passwd\" with { type: \"text\" };".into()),
        ("self", "import x from \"/proc/self/environ\" with { type: \"text\" };".into()),
        ("sibling", "import { secret as x } from \"../other/secret.ts\";".into()),
        ("shared", "import { secret as x } from \"../_lib/secret.ts\";".into()),
        ("parent", "import x from \"../secret.txt\";".into()),
        ("package", "import { secret as x } from \"shared\";".into()),
        ("absolute", format!("import {{ secret as x }} from \"{}\";", outside.display())),
        ("link", "import { secret as x } from \"./link.ts\";".into()),
        ("folder", "import { secret as x } from \"./folder/secret.ts\";".into()),
        ("bin", "import x from \"/usr/lib/os-release\" with { type: \"text\" };".into()),
    ];
    for (name, import) in &attempts {
        bed.write(&format!("{name}/index.ts"), &format!("{import}\nexport default () => x;"));
    }
    symlink(&outside, bed.path("in/link/link.ts")).unwrap();
    symlink("../other", bed.path("in/folder/folder")).unwrap();
    for (name, _) in &attempts {
        let (record, problems) = bed.fails(name).await;
        assert_eq!(record.state_name(), "broken", "{name}");
        assert!(!problems.contains(SECRET) && !problems.contains("root:"), "{name}: {problems}");
        let advice =
            if *name == "package" { "npm install shared" } else { "only from its own folder" };
        assert!(problems.contains(advice), "{name}: {problems}");
        assert_eq!(record.problems.len(), 1, "{name}: {problems}");
    }
}

#[tokio::test]
async fn a_tsconfig_that_extends_a_foreign_file_tells_nothing_of_it() {
    let bed = Bed::started();
    fs::write(bed.path("secret.json"), format!("{SECRET} {{")).unwrap();
    bed.write_function("hello", "one");
    let extends = bed.path("secret.json");
    bed.write("hello/tsconfig.json", &format!("{{\"extends\": \"{}\"}}", extends.display()));
    bed.write_function("passwd", "one")
        .write("passwd/tsconfig.json", r#"{"extends": "/etc/passwd"}"#);
    for name in ["hello", "passwd"] {
        let record = bed.wait("a verdict", || bed.record(name), Option::is_some).await.unwrap();
        let text = serde_json::to_string(&record).unwrap();
        assert!(!text.contains(SECRET) && !text.contains("root"), "{text}");
    }
}

#[tokio::test]
async fn settings_around_the_folder_take_no_part() {
    let bed = Bed::started();
    bed.write("tsconfig.json", r#"{"compilerOptions": {"jsx": "react", "jsxFactory": "foreign"}}"#);
    bed.write("hello/node_modules/react/package.json", r#"{"name": "react"}"#);
    bed.write("hello/node_modules/react/jsx-runtime.js", "export const jsx = () => \"own\";");
    bed.write("hello/index.tsx", "export default () => <p />;");
    bed.says("hello", "own").await;
}

#[tokio::test]
async fn links_out_of_the_folder_are_not_published() {
    let bed = Bed::started();
    fs::create_dir(bed.path("private")).unwrap();
    fs::write(bed.path("private/key"), SECRET).unwrap();
    for (name, link, target) in [
        ("file", "public/key", "../../../private/key"),
        ("dir", "public/private", "../../../private"),
        ("root", "public", "../../private"),
    ] {
        bed.write_function(name, "one")
            .write(&format!("{name}/registry.json"), r#"{"static": "public"}"#);
        if name != "root" {
            bed.write(&format!("{name}/public/page.html"), "");
        }
        symlink(target, bed.path("in").join(name).join(link)).unwrap();
        let (_, problems) = bed.fails(name).await;
        assert!(problems.contains("leads out of the function's folder"), "{name}: {problems}");
    }
}
