module.exports = (req, res) => {
  let body = "";
  req.setEncoding("utf8");
  req.on("data", (part) => { body += part; });
  req.on("end", () => {
    res.setHeader("X-Own", req.headers["x-own"]);
    res.writeHead(202, { "Content-Type": "text/x-node" });
    res.write(`${req.method} ${req.url} `);
    res.end(body);
  });
};
