// @azure/msal-node signs an assertion with it where an app registration has a certificate. Ours trust a managed identity,
// whose token is the assertion.
module.exports = {
  sign() {
    throw new Error("This app signs in with a managed identity, not with a certificate.");
  },
};
