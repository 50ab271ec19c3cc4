import type { Manifest } from "../api/types.ts";
import { permissionsInWords } from "../format/permissions.ts";

export function PermissionList({ manifest }: { manifest: Manifest }) {
  return (
    <section class="card">
      <h2>Permissions</h2>
      <ul class="permissions">
        {permissionsInWords(manifest).map(({ may, verb, what }) => (
          <li key={verb} class={may ? "may" : "may-not"}>
            {verb}
            {what?.map((name, index) => (
              <>
                {index === 0 ? " " : index === what.length - 1 ? " and " : ", "}
                <code>{name}</code>
              </>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}
