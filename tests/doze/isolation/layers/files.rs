//! What a process reaches of the file system.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use serde_json::json;

use super::{only, stops, users, users_with};
use crate::isolation::{ATTEMPT, attempt};

const READ_A_FILE_OF_THE_HOST: &str = "return await Deno.readTextFile('/etc/passwd')";

#[tokio::test]
async fn the_mount_namespace_alone_hides_the_hosts_files() {
    for user in users_with(&["mount-namespace"]) {
        stops("mount-namespace", user, READ_A_FILE_OF_THE_HOST, "NotFound").await;
    }
}

#[tokio::test]
async fn landlock_alone_keeps_the_hosts_files() {
    for user in users_with(&["landlock-files"]) {
        stops("landlock-files", user, READ_A_FILE_OF_THE_HOST, "PermissionDenied").await;
    }
}

#[tokio::test]
async fn a_user_of_its_own_alone_keeps_what_is_not_for_everybody() {
    let code = "return await Deno.readTextFile('/etc/shadow')";
    for user in users_with(&["own-user"]) {
        // Its folder must be reached through the test's own.
        stops("own-user", user, code, "PermissionDenied").await;
    }
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

/// Its folder is its own, so native code can put anything in its socket's
/// place. The gateway may go anywhere.
#[tokio::test]
async fn a_link_in_the_place_of_its_socket_leads_the_gateway_nowhere() {
    for user in users() {
        let bed = only(&[], user).await;
        let source = "
            export default async (request: Request) => {
              if (request.method === 'POST') {
                console.log('holds');
                return await request.text();
              }
              const socket = `${Deno.args[0]}/http.sock`;
              Deno.removeSync(socket);
              Deno.symlinkSync(new URL(request.url).searchParams.get('to'), socket);
              return 'replaced';
            };
        ";
        bed.function("liar").source(source).drop_in().await;
        let elsewhere = bed.path("elsewhere.sock");
        let listener = UnixListener::bind(&elsewhere).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o777)).unwrap();

        let replace = format!("/liar?to={}", elsewhere.display());
        assert_eq!(bed.get(&replace).await.ok().text(), "replaced");
        // Takes the connection that there is.
        let (mut upload, held) = bed.request("POST", "/liar").uploading();
        let held = held.spawn();
        upload.send("x").await;
        bed.printed("liar", "holds").await;
        assert_eq!(bed.get(&replace).await.ok().text(), "replaced");

        let nobody = listener.accept().unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::WouldBlock, "{user:?}: the gateway was led away");
        upload.finish();
        assert_eq!(held.await.unwrap().ok().text(), "x");
    }
}
