export default () =>
  new Promise((_, reject) => setTimeout(() => reject(new Error("rejected on purpose")), 5));
