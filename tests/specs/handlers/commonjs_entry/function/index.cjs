const path = require("node:path");
const { double } = require("./double.cjs");
exports.double = async (n) => double(n);
exports.join = (parts) => path.posix.join(...parts);
