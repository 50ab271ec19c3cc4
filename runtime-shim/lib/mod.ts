/**
 * The module `doze`: what a function imports.
 *
 * ```ts
 * import { createHandler } from "doze";
 * export default createHandler((_request) => "Hello, world");
 * ```
 *
 * Only web standards are used here, so the types work in any editor.
 */
export { createHandler } from "./create_handler.ts";
export { router } from "./router.ts";
export type { Context } from "./context.ts";
export type { Handler, HandlerResult, Json } from "./handler.ts";
export type { Params, RouteHandler, Router } from "./router.ts";
