import { createHandler } from "doze";
export default createHandler((_request) => "Hello, world");
