import type { Problem } from "./types.ts";

/** Why a call did nothing, in words for a person. */
export class Failure extends Error {
  readonly code: string;
  readonly problems: Problem[];

  constructor(code: string, message: string, problems: Problem[] = []) {
    super(message);
    this.code = code;
    this.problems = problems;
  }

  static of(error: unknown): Failure {
    if (error instanceof Failure) return error;
    return new Failure("unknown", error instanceof Error ? error.message : String(error));
  }
}

/** Reads the API's error from a response that is not a success. */
export async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; problems?: Problem[] };
    };
    return new Failure(error.code, error.message, error.problems);
  } catch {
    return new Failure("unknown", text || `the server answered ${response.status}`);
  }
}
