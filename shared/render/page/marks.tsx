import type { ReactNode } from "react";
import type { ExploitedCve } from "../../core/advisory.ts";
import { cveWords } from "../advisory-words.ts";
import { catalogLink, cveLinks } from "../link.ts";

/** That a KB closes an exploited CVE, in a word and a sign as well as a colour. */
export function ExploitedMark() {
  return (
    <span className="badge exploited">
      <span aria-hidden="true">!</span> Exploited
    </span>
  );
}

/** A link that leaves the reporter, which sends no referrer; `to` says for screen readers where it leads. */
export function Outside({ href, to, children }: { href: string; to: string; children: ReactNode }) {
  return (
    <a className="outside" href={href}>
      {children}
      <span className="sr"> {to}</span>
    </a>
  );
}

/** A link to a KB in the Update Catalog; nothing where it has no number. */
export function CatalogLink({ id }: { id: string }) {
  const href = catalogLink(id);
  return href === null ? null : (
    <Outside href={href} to={`entry of KB${id} at Microsoft`}>
      catalog
    </Outside>
  );
}

/** An exploited CVE with who says so, and links to what they say. */
export function CveLine({ exploited }: { exploited: ExploitedCve }) {
  const links = cveLinks(exploited.cve);
  return (
    <>
      {cveWords(exploited)}
      {links && (
        <>
          <Outside href={links.msrc} to={`page of ${exploited.cve}`}>
            MSRC
          </Outside>
          <Outside href={links.cisa} to={`entry of ${exploited.cve}`}>
            CISA
          </Outside>
          <Outside href={links.nvd} to={`page of ${exploited.cve}`}>
            NVD
          </Outside>
        </>
      )}
    </>
  );
}
