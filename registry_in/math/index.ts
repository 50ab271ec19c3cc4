// A module of named functions. Each is called as POST /math/<function>, with
// its argument as JSON and its result as JSON: no routes, no `Request`.
// GET /math lists them. What throws becomes a 500 and a record in the log.

export function add({ a, b }: { a: number; b: number }): number {
  return a + b;
}

export function mean(numbers: number[]): number {
  if (numbers.length === 0) throw new RangeError("the mean of no numbers");
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

export function factors(number: number): number[] {
  const found = [];
  for (let factor = 2; factor * factor <= number; factor++) {
    while (number % factor === 0) {
      found.push(factor);
      number /= factor;
    }
  }
  return number > 1 ? [...found, number] : found;
}
