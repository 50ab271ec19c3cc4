/** What tells a module from a script: strict code, and names of its own. */
// deno-lint-ignore no-var -- in a script, this would become a global
var mine = "mine";
const sealed: { value: number } = Object.freeze({ value: 1 });

function outcome(attempt: () => void): string {
  try {
    attempt();
    return "allowed";
  } catch (error) {
    return (error as Error).name;
  }
}

export { mine as "any name" };
export default () => [
  typeof this,
  outcome(() => sealed.value = 2),
  typeof (globalThis as { mine?: string }).mine,
];
