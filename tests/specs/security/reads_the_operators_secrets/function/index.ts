import { attempts, type Surroundings } from "./attempt.ts";

const read = (file: string) => ({ data }: Surroundings) =>
  Deno.readFileSync(`${data}/${file}`);

export default attempts({
  "secrets": read("secrets"),
  "their key": read("secrets-key"),
  "functions' tokens": read("tokens"),
  "the operator's token": read("admin-token"),
});
