export default () => Deno.env.get("A");
