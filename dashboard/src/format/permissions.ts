// Permission flags in words.

import type { Manifest } from "../api/types.ts";

export interface Sentence {
  may: boolean;
  /** `May reach`, `May not read` */
  verb: string;
  /** Hosts, paths, names; `null` where the verb says it all. */
  what: string[] | null;
}

interface Words {
  /** What it may do, followed by what is named. */
  only: string;
  /** The same where several are named. */
  several?: string;
  /** What it may do without a limit. */
  everything: string;
  /** What it may not do at all; not worth a word where `null`. */
  nothing: string | null;
  path?: true;
}

const KINDS: Record<string, Words> = {
  net: {
    only: "reach",
    everything: "reach any host on the network",
    nothing: "reach the network",
  },
  read: { only: "read", everything: "read its whole folder", nothing: "read files", path: true },
  write: {
    only: "write",
    everything: "write anywhere in its own copy of the folder",
    nothing: "write files",
    path: true,
  },
  env: {
    only: "see the variable",
    several: "see the variables",
    everything: "see every variable it is given",
    nothing: null,
  },
  sys: {
    only: "ask the system for",
    everything: "ask the system for facts about this machine",
    nothing: null,
  },
  run: { only: "run", everything: "run any program", nothing: "run programs" },
  ffi: { only: "load the native library", everything: "load native libraries", nothing: null },
};

const SHORT: Record<string, string> = { E: "env", N: "net", R: "read", W: "write", S: "sys" };

interface Rule {
  all: boolean;
  values: string[];
}

function parse(flags: string[]): Map<string, Rule> {
  const rules = new Map<string, Rule>();
  for (const flag of flags) {
    const [name = "", list] = flag.split(/=(.*)/s);
    const short = SHORT[name.slice(1)];
    const key = short ? `allow-${short}` : name.replace(/^--/, "");
    const rule = rules.get(key) ?? { all: false, values: [] };
    if (list === undefined) rule.all = true;
    else rule.values.push(...list.split(",").map((value) => value.trim()));
    rules.set(key, rule);
  }
  return rules;
}

const asPath = (value: string) => value === "." ? "its folder" : `./${value.replace(/^\.\//, "")}`;

const phrase = ({ only, several = only }: Words, { values }: Rule) =>
  values.length > 1 ? several : only;

export function permissionsInWords(manifest: Manifest): Sentence[] {
  const rules = parse(manifest.permissions);
  const may: Sentence[] = [];
  const mayNot: Sentence[] = [];
  for (const [kind, words] of Object.entries(KINDS)) {
    const named = (rule: Rule) => words.path ? rule.values.map(asPath) : rule.values;
    const allow = rules.get(`allow-${kind}`);
    const deny = rules.get(`deny-${kind}`);
    if (allow?.all) may.push({ may: true, verb: `May ${words.everything}`, what: null });
    else if (allow) may.push({ may: true, verb: `May ${phrase(words, allow)}`, what: named(allow) });
    else if (words.nothing) mayNot.push({ may: false, verb: `May not ${words.nothing}`, what: null });
    if (allow && deny) {
      mayNot.push({
        may: false,
        verb: deny.all ? `But may not ${words.everything}` : `But may not ${phrase(words, deny)}`,
        what: deny.all ? null : named(deny),
      });
    }
  }
  const variables = Object.keys(manifest.env);
  if (variables.length > 0) {
    may.push({ may: true, verb: `Is given the variable${variables.length > 1 ? "s" : ""}`, what: variables });
  }
  if (manifest.secrets.length > 0) {
    may.push({ may: true, verb: `Is given the secret${manifest.secrets.length > 1 ? "s" : ""}`, what: manifest.secrets });
  }
  return [...may, ...mayNot];
}
