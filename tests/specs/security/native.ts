/** Numbers on x86-64. */
const CALLS = {
  socket: 41,
  connect: 42,
  bind: 49,
  listen: 50,
  dup: 32,
  wait4: 61,
  msgget: 68,
  msgctl: 71,
  ptrace: 101,
  syslog: 103,
  mknod: 133,
  unlink: 87,
  prctl: 157,
  setresuid: 117,
  chroot: 161,
  settimeofday: 164,
  mount: 165,
  umount2: 166,
  sethostname: 170,
  reboot: 169,
  close: 3,
  tgkill: 234,
  mq_open: 240,
  mq_unlink: 241,
  keyctl: 250,
  unshare: 272,
  perf_event_open: 298,
  prlimit64: 302,
  process_vm_readv: 310,
  finit_module: 313,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
  pidfd_open: 434,
  pidfd_getfd: 438,
};

type Word = number | string | Uint8Array<ArrayBuffer>;

let libc: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;
const SYMBOLS = {
  syscall: { parameters: Array(7).fill("i64") as "i64"[], result: "i64" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** Calls the kernel, as native code would. Returns `-errno` where that fails. */
export function ask(name: keyof typeof CALLS, ...words: Word[]): number {
  libc ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  // They must not be collected meanwhile.
  const buffers: Uint8Array<ArrayBuffer>[] = [];
  const value = (word: Word) => {
    if (typeof word === "number") return BigInt(word);
    const bytes = typeof word === "string"
      ? new TextEncoder().encode(`${word}\0`)
      : word;
    buffers.push(bytes);
    return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
  };
  const given = [...words, 0, 0, 0, 0, 0, 0].slice(0, 6).map(value);
  const result = Number(libc.syscall(BigInt(CALLS[name]), ...given));
  if (result >= 0) return result;
  return -new Deno.UnsafePointerView(libc.__errno_location()!).getInt32();
}

/** The same. Throws where that fails. */
export function call(name: keyof typeof CALLS, ...words: Word[]): number {
  const result = ask(name, ...words);
  if (result < 0) throw new Error(`${name}: error ${-result}`);
  return result;
}

const EPERM = -1;
const EACCES = -13;
const ENOSYS = -38;

/**
 * The same with arguments that nothing can come of. Throws where the kernel
 * did not even look at them.
 */
export function knock(name: keyof typeof CALLS, ...words: Word[]): void {
  const result = ask(name, ...words);
  if ([EPERM, EACCES, ENOSYS].includes(result)) {
    throw new Error(`${name}: error ${-result}`);
  }
}

/** Values in memory, as C has them. */
export function struct(
  size: number,
  fill: (view: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

/** Where bytes are, to be written into other bytes. */
export function address(bytes: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}
