export default () => {
  Promise.reject(new Error("nobody handles this"));
  setTimeout(() => {
    throw new Error("nobody catches this");
  });
  return "fine";
};
