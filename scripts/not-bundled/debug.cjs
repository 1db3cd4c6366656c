// The proxy agents and follow-redirects describe each request on stderr where DEBUG names them, with addresses and headers.
// The app has its own log.
module.exports = () => () => {};
