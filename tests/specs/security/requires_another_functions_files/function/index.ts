import { attempts, node } from "./attempt.ts";

export default attempts({
  "require": ({ registryIn }) =>
    node("module").createRequire("/")(`${registryIn}/neighbour/data.json`),
});
