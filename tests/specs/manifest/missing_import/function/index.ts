import { x } from "./missing.ts";
export default () => x;
