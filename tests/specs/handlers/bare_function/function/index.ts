export default (request, context) => `${request.method} for ${context.function}`;
