//! What a process reaches of the file system.

use serde_json::json;

use super::{As, only, stops, users};
use crate::isolation::{ATTEMPT, attempt};

const READ_A_FILE_OF_THE_HOST: &str = "return await Deno.readTextFile('/etc/passwd')";

#[tokio::test]
async fn the_mount_namespace_alone_hides_the_hosts_files() {
    for user in users() {
        stops("mount-namespace", user, READ_A_FILE_OF_THE_HOST, "NotFound").await;
    }
}

#[tokio::test]
async fn landlock_alone_keeps_the_hosts_files() {
    for user in users() {
        stops("landlock-files", user, READ_A_FILE_OF_THE_HOST, "PermissionDenied").await;
    }
}

#[tokio::test]
async fn a_user_of_its_own_alone_keeps_what_is_not_for_everybody() {
    if !users().contains(&As::Root) {
        return;
    }
    let code = "return await Deno.readTextFile('/etc/shadow')";
    // Its folder must be reached through the test's own.
    stops("own-user", As::Root, code, "PermissionDenied").await;
}

#[tokio::test]
async fn what_deno_keeps_of_one_process_reaches_no_other() {
    let bed = only(&[], users()[0]).await;
    bed.function("other").source(ATTEMPT).drop_in().await;
    // Even with every right, what it writes there is its own.
    let code = "
        const folder = `${Deno.args[0]}/deno`;
        for (const { name, isFile } of Deno.readDirSync(folder)) {
          if (isFile) Deno.writeTextFileSync(`${folder}/${name}`, 'poison');
        }
        return [...Deno.readDirSync(folder)].length > 0;
    ";
    assert_eq!(attempt(&bed, "free", code).await, json!({ "value": true }));
    let code = "
        const folder = `${Deno.args[0]}/deno`;
        const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
        return files.map(({ name }) => Deno.readTextFileSync(`${folder}/${name}`).slice(0, 6));
    ";
    let texts = attempt(&bed, "other", code).await;
    let texts = texts["value"].as_array().unwrap();
    assert!(!texts.is_empty() && texts.iter().all(|text| text != "poison"), "{texts:?}");
}
