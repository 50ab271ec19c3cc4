const { createHandler } = require("doze");

module.exports = createHandler((request, context) =>
  `${request.method} ${context.function}`
);
