import {
  Boxes,
  Camera,
  House,
  Images,
  KeyRound,
  type LucideIcon,
  Moon,
  Search as SearchIcon,
  Server,
  Sprout,
  Sun,
  TrendingUp,
} from "lucide-react";
import { type ReactNode, Suspense, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { useSender } from "@/access/queries";
import { type LiveState, useLiveState } from "@/api/live";
import { count } from "@/format";
import { useOverview } from "@/home/queries";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Chip";
import { lazy } from "@/ui/lazy";
import styles from "./Shell.module.css";
import { useShortcuts } from "./shortcuts";
import { isDark, toggleTheme } from "./theme";

const Search = lazy(() => import("./Search"));
const Help = lazy(() => import("./Help"));
const AccountMenu = lazy(() => import("@/access/AccountMenu"));

interface Section {
  href: string;
  label: string;
  icon: LucideIcon;
  owns: RegExp;
}

const SECTIONS: readonly Section[] = [
  { href: "/", label: "Home", icon: House, owns: /^\/$/ },
  { href: "/datasets", label: "Data", icon: Images, owns: /^\/datasets/ },
  { href: "/jobs", label: "Train", icon: TrendingUp, owns: /^\/(jobs|compare|studies)/ },
  { href: "/models", label: "Models", icon: Boxes, owns: /^\/models/ },
  { href: "/try", label: "Try", icon: Camera, owns: /^\/try/ },
];

/** The frame of every page: a rail on a desktop, a bar at the bottom of a phone. */
export function Shell({ children }: { children: ReactNode }) {
  const [path, navigate] = useLocation();
  const [open, setOpen] = useState<"search" | "help" | null>(null);
  const counts = useCounts();
  const { data: sender } = useSender();
  const isControlled = sender?.access_control ?? false;
  useShortcuts({ navigate, onSearch: () => setOpen("search"), onHelp: () => setOpen("help") });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page starts at its top
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [path]);

  return (
    <div className={styles.app}>
      <a href="#main" className={styles.skip}>
        Skip to the content
      </a>
      <nav className={styles.rail} aria-label="Main">
        <Link href="/" className={styles.brand}>
          <Sprout aria-hidden />
          Graft
        </Link>
        {SECTIONS.map(({ href, label, icon: Icon, owns }) => (
          <Link key={href} href={href} aria-current={owns.test(path) ? "page" : undefined}>
            <Icon aria-hidden />
            {label}
            {counts[label] !== undefined && <span className={styles.count}>{counts[label]}</span>}
          </Link>
        ))}
        <div className={styles.foot}>
          {isControlled && sender?.scopes.includes("admin") && (
            <Link
              href="/access/keys"
              aria-current={path.startsWith("/access") ? "page" : undefined}
            >
              <KeyRound aria-hidden />
              Access
            </Link>
          )}
          <Link href="/service" aria-current={path === "/service" ? "page" : undefined}>
            <Server aria-hidden />
            Service
            <span className={styles.state}>
              <LiveChip />
            </span>
          </Link>
        </div>
      </nav>
      <div className={styles.column}>
        <header className={styles.top}>
          <Link href="/" className={styles.phoneBrand}>
            <Sprout aria-hidden />
            Graft
          </Link>
          <button
            type="button"
            className={styles.search}
            aria-label="Search"
            onClick={() => setOpen("search")}
          >
            <SearchIcon aria-hidden />
            <span>Search</span>
            <kbd>/</kbd>
          </button>
          <ThemeButton />
          <Link href="/service" className={styles.phoneService} aria-label="Service">
            <Server aria-hidden />
          </Link>
          {isControlled && sender && (
            <Suspense>
              <AccountMenu sender={sender} />
            </Suspense>
          )}
        </header>
        <StaleNotice />
        <main id="main" tabIndex={-1} className={styles.main}>
          {children}
        </main>
      </div>
      <nav className={styles.bar} aria-label="Sections">
        {SECTIONS.map(({ href, label, icon: Icon, owns }) => (
          <Link key={href} href={href} aria-current={owns.test(path) ? "page" : undefined}>
            <Icon aria-hidden />
            {label}
          </Link>
        ))}
      </nav>
      <Suspense>
        {open === "search" && <Search onClose={() => setOpen(null)} />}
        {open === "help" && <Help onClose={() => setOpen(null)} />}
      </Suspense>
    </div>
  );
}

function useCounts(): Record<string, string | undefined> {
  const { data } = useOverview();
  if (!data) return {};
  return {
    Data: count(data.datasets.total),
    Train: data.jobs.running > 0 ? `${count(data.jobs.running)} running` : count(data.jobs.total),
    Models: count(data.models.total),
  };
}

const LIVE_TEXT: Record<LiveState, string> = {
  connecting: "…",
  live: "live",
  stale: "offline",
  off: "not live",
};

function LiveChip() {
  const state = useLiveState();
  return (
    <Chip tone={state === "live" ? "accent" : state === "stale" ? "bad" : "neutral"} dot>
      {LIVE_TEXT[state]}
    </Chip>
  );
}

function StaleNotice() {
  if (useLiveState() !== "stale") return null;
  return (
    <div className={styles.stale} role="status">
      The connection to the service is lost. What you see may be out of date; it updates by itself
      when the service answers again.
    </div>
  );
}

function ThemeButton() {
  const [dark, setDark] = useState(isDark);
  return (
    <Button
      look="quiet"
      icon={dark ? <Sun aria-hidden /> : <Moon aria-hidden />}
      aria-label={dark ? "Use the light theme" : "Use the dark theme"}
      onClick={() => setDark(toggleTheme())}
    />
  );
}
