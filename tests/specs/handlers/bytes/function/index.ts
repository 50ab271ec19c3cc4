export default () => new Uint8Array([104, 105, 0, 33]);
