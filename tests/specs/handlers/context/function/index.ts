export default (_request, { requestId, function: name, revision, signal, waitUntil }) => {
  waitUntil(Promise.resolve());
  return { requestId, name, revision: /^[0-9a-f]{16}$/.test(revision), aborted: signal.aborted };
};
