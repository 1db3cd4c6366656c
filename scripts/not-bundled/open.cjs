// @azure/identity opens a browser for the credential of a person who signs in interactively. The app has no such credential.
module.exports = () => {
  throw new Error("This app opens no browser. Sign in with `az login`.");
};
