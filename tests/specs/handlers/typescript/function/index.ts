enum Mood { Calm = "calm" }
namespace Names { export const one = "one"; }
class Point {
  accessor x = 1;
  constructor(private readonly y: number) {}
  get sum() { return this.x + this.y; }
}
function logged<T extends (...args: never[]) => unknown>(method: T, _: ClassMethodDecoratorContext) {
  return method;
}
class Greeter {
  @logged greet<T>(name: T) { return `hello ${name}` satisfies string; }
}
export default () => [Mood.Calm, Names.one, new Point(2).sum, new Greeter().greet("you")];
