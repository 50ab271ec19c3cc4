export default async function* () {
  yield "text, ";
  yield new TextEncoder().encode("bytes");
}
