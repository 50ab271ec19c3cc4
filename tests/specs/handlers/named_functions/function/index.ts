export async function add({ a, b }: { a: number; b: number }) {
  return a + b;
}
export const who = (_: unknown, context: { requestId: string }) => context.requestId;
export const nothing = async () => {};
export async function boom() {
  throw new Error("boom in a named function");
}
export const constant = 42;
