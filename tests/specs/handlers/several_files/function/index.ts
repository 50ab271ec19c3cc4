import { shout } from "./lib/shout.ts";
import data from "./data.json";
import text from "./words.txt";
export default () => shout(data.greeting + text.trim());
