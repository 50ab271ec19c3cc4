import { secret } from "../secretive/secret.ts";
export default () => secret;
