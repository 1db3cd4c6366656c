/** A script or style sheet for the browser, bundled and minified to one text by scripts/inline.ts. */
declare module "*?inline" {
  const text: string;
  export default text;
}
