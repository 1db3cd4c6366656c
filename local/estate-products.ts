/** One product of the simulated organisation and its security updates. */
export interface EstateProduct {
  /** As Defender writes it, `vendor-_-product`. */
  id: string;
  name: string;
  /** Whether the machine in this place of the organisation has it; places are 0 to 599. */
  isInstalled(place: number): boolean;
  /** How many times longer than clients its machines take to be patched. */
  slowness: number;
  /** Whether a machine needs only one of a month's updates, that of its build, or all of them. */
  onePerMachine: boolean;
  /** Whether each update replaces the one at its place in the month before, by MSRC's word. */
  isCumulative?: boolean;
  /** Whether an update leaves the list as soon as one that replaces it is listed. */
  dropsReplaced?: boolean;
  /** Days until an update is superseded and leaves the list in any case; less than the eleven months after which its id recurs. */
  supersededAfter: number;
  /** Updates that fail to install on most machines. */
  stalled?: readonly string[];
  /** Twelve months, January first, each a list of `id/CVEs`; empty if the product never gets updates. */
  waves: readonly string[];
}

/** How many machines the organisation has room for. */
export const places = 600;

const clients = 490;
const firstServer2022 = clients;
const firstServer2019 = 542;
const firstServer2012 = 582;

const between = (from: number, to: number) => (place: number) => place >= from && place < to;
const isServer = between(firstServer2022, firstServer2012);

/**
 * Numbers and CVE counts are those of real updates of 2025. The updates of a month of 2025 are released again on the
 * second Tuesday of that month every year, so that the organisation has Patch Tuesdays at any date: the updates of
 * November 2025 are also the "November 2031 Security Updates".
 */
export const estateProducts: readonly EstateProduct[] = [
  {
    id: "microsoft-_-windows_11",
    name: "windows_11",
    isInstalled: between(0, 365),
    slowness: 1,
    onePerMachine: true,
    isCumulative: true,
    supersededAfter: 120,
    waves: [
      "5050009/121 5050021/121",
      "5051987/36 5051989/32",
      "5053598/33 5053602/33",
      "5055523/66 5055528/66",
      "5058411/39 5058405/38",
      "5060842/35 5060999/35",
      "5062553/82 5062552/79",
      "5063878/49 5063875/47",
      "5065426/54 5065431/50",
      "5066835/126 5066793/109",
      "5068861/34 5068865/33",
      "5072033/34 5071417/30",
    ],
  },
  {
    id: "microsoft-_-windows_10",
    name: "windows_10",
    isInstalled: between(365, clients),
    slowness: 1.2,
    onePerMachine: true,
    isCumulative: true,
    supersededAfter: 120,
    waves: [
      "5049981/121 5050008/112",
      "5051974/32 5052000/32",
      "5053606/30 5053596/29",
      "5055518/60 5055519/56",
      "5058379/36 5058392/36",
      "5060533/34 5060531/34",
      "5062554/75 5062557/75",
      "5063709/44 5063877/43",
      "5065429/49 5065428/42",
      "5066791/99 5066586/92",
      "5068781/33 5068791/33",
      "5071546/28 5071544/26",
    ],
  },
  {
    id: "microsoft-_-windows_server_2022",
    name: "windows_server_2022",
    isInstalled: between(firstServer2022, firstServer2019),
    slowness: 1.8,
    onePerMachine: true,
    isCumulative: true,
    dropsReplaced: true,
    supersededAfter: 120,
    waves: [
      "5049983/122",
      "5051979/34",
      "5053603/34 5053638/34",
      "5055526/77",
      "5058385/41 5058500/41",
      "5060526/40 5060525/39",
      "5062572/96",
      "5063880/56 5063812/56",
      "5065432/59 5065306/59",
      "5066782/104",
      "5068787/30 5068840/30",
      "5071547/29 5071413/28",
    ],
  },
  {
    // Shares its updates with older builds of Windows 10, for which the same numbers address fewer CVEs.
    id: "microsoft-_-windows_server_2019",
    name: "windows_server_2019",
    isInstalled: between(firstServer2019, firstServer2012),
    slowness: 1.8,
    onePerMachine: true,
    isCumulative: true,
    supersededAfter: 120,
    waves: [
      "5050008/118",
      "5052000/34",
      "5053596/32",
      "5055519/73",
      "5058392/41",
      "5060531/39",
      "5062557/94",
      "5063877/54",
      "5065428/52",
      "5066586/98",
      "5068791/32",
      "5071544/26",
    ],
  },
  {
    id: "microsoft-_-windows_server_2012_r2",
    name: "windows_server_2012_r2",
    isInstalled: between(firstServer2012, places),
    slowness: 2.5,
    onePerMachine: false,
    isCumulative: true,
    supersededAfter: 150,
    stalled: ["5055557", "5063950", "5071503"],
    waves: [
      "5050048/96 5049994/7",
      "5052042/23 5051972/1",
      "5053887/25 5053593/1",
      "5055557/55",
      "5058403/33 5058380/1",
      "5061018/23",
      "5062597/63",
      "5063950/47",
      "5065507/35 5065435/2",
      "5066873/51 5066840/3",
      "5068905/18",
      "5071503/11",
    ],
  },
  {
    id: "microsoft-_-.net_framework",
    name: ".net_framework",
    isInstalled: (place) => place % 2 === 0,
    slowness: 1.4,
    onePerMachine: false,
    supersededAfter: 330,
    stalled: ["5050187", "5066136"],
    waves: ["", "5050182/1 5050187/1 5050188/1", "", "", "", "", "", "", "", "5066133/1 5066136/1 5066746/1", "", ""],
  },
  {
    id: "microsoft-_-office_2016",
    name: "office_2016",
    isInstalled: (place) => place < clients && place % 3 === 0,
    slowness: 1.5,
    onePerMachine: false,
    supersededAfter: 200,
    stalled: ["5002616"],
    waves: [
      "5002595/1 5002675/1",
      "5002686/1",
      "5002693/3",
      "5002669/1 5002573/1 5002588/1",
      "5002711/2 5002717/1",
      "5002616/1 5002730/4",
      "5002742/5 5002749/1",
      "5002756/2",
      "5002781/2",
      "5002792/2",
      "5002809/1",
      "5002819/2",
    ],
  },
  {
    id: "microsoft-_-sql_server_2019",
    name: "sql_server_2019",
    isInstalled: (place) => isServer(place) && place % 4 === 1,
    slowness: 3,
    onePerMachine: true,
    supersededAfter: 330,
    stalled: ["5058713", "5068404"],
    waves: [
      "",
      "",
      "",
      "",
      "",
      "",
      "5058713/3 5058722/3",
      "5063757/4 5063758/4",
      "5065222/3 5065223/3",
      "",
      "5068404/1 5068405/1",
      "",
    ],
  },
  {
    id: "microsoft-_-exchange_server_2019",
    name: "exchange_server_2019",
    isInstalled: between(firstServer2019, firstServer2019 + 6),
    slowness: 3,
    onePerMachine: false,
    supersededAfter: 330,
    stalled: ["5063221", "5066367", "5071874"],
    waves: ["", "", "", "", "", "", "", "5063221/4 5063222/4", "", "5066367/3 5066368/3", "", "5071874/2 5071875/2"],
  },
  {
    // Updates itself without Windows Update: Defender counts its weaknesses but lists no KBs.
    id: "microsoft-_-edge_chromium-based",
    name: "edge_chromium-based",
    isInstalled: () => true,
    slowness: 1,
    onePerMachine: false,
    supersededAfter: 0,
    waves: [],
  },
];

/** One update of a product's waves. */
export interface Update {
  id: string;
  cves: number;
  /** 0 is January. */
  month: number;
  /** Its place among the month's updates, and how many there are. */
  index: number;
  of: number;
  /** The update that it replaces; `null`: none. */
  replaces: string | null;
  isReplacedNextMonth: boolean;
}

/** All updates of a product, January first. */
export function updatesOf({ waves, isCumulative = false }: EstateProduct): Update[] {
  const months = waves.map((wave) => wave.split(" ").filter(Boolean).map(readUpdate));
  return months.flatMap((rows, month) =>
    rows.map((row, index) => {
      const before = months.at(month - 1)?.[index];
      const after = months.at((month + 1) % months.length)?.[index];
      const replaces = isCumulative && before ? before.id : null;
      return {
        ...row,
        month,
        index,
        of: rows.length,
        replaces,
        isReplacedNextMonth: isCumulative && after !== undefined,
      };
    }),
  );
}

function readUpdate(row: string): Pick<Update, "id" | "cves"> {
  const [id = "", cves = "0"] = row.split("/");
  return { id, cves: Number(cves) };
}

/** A product of the organisation that nobody watches. */
export interface OtherProduct {
  id: string;
  /** Open CVEs. */
  weaknesses: number;
  machines: number;
}

/** Defender lists no KBs for them, and its product list has them besides those that are watched. */
export const otherProducts: readonly OtherProduct[] = [
  { id: "7-zip-_-7-zip", weaknesses: 3, machines: 118 },
  { id: "adobe-_-acrobat_reader_dc", weaknesses: 41, machines: 402 },
  { id: "google-_-chrome", weaknesses: 27, machines: 377 },
  { id: "microsoft-_-edge", weaknesses: 0, machines: 12 },
  { id: "microsoft-_-onedrive", weaknesses: 0, machines: 490 },
  { id: "microsoft-_-sharepoint_server", weaknesses: 6, machines: 4 },
  { id: "microsoft-_-teams", weaknesses: 2, machines: 463 },
  { id: "microsoft-_-visual_studio_2019", weaknesses: 12, machines: 61 },
  { id: "microsoft-_-visual_studio_code", weaknesses: 4, machines: 73 },
  { id: "mozilla-_-firefox", weaknesses: 19, machines: 54 },
  { id: "oracle-_-jre", weaknesses: 33, machines: 27 },
];
