export default () => [Deno.env.get("GREETING"), process.env.EMPTY, Deno.env.get("HOME") ?? null];
