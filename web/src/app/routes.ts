import type { ComponentType, LazyExoticComponent } from "react";
import { lazy } from "@/ui/lazy";

interface Route {
  path: string;
  page: LazyExoticComponent<ComponentType>;
}

/** The pages by their path below /ui; each is a chunk of its own. */
export const ROUTES: readonly Route[] = [
  { path: "/", page: lazy(() => import("@/home/HomePage")) },
  { path: "/datasets", page: lazy(() => import("@/datasets/DatasetsPage")) },
  { path: "/datasets/:id", page: lazy(() => import("@/datasets/DatasetPage")) },
  { path: "/jobs", page: lazy(() => import("@/jobs/JobsPage")) },
  { path: "/jobs/new", page: lazy(() => import("@/jobs/NewJobPage")) },
  { path: "/jobs/:id", page: lazy(() => import("@/jobs/JobPage")) },
  { path: "/compare", page: lazy(() => import("@/compare/ComparePage")) },
  { path: "/studies/new", page: lazy(() => import("@/compare/NewStudyPage")) },
  { path: "/studies/:id", page: lazy(() => import("@/compare/StudyPage")) },
  { path: "/models", page: lazy(() => import("@/models/ModelsPage")) },
  { path: "/models/:name", page: lazy(() => import("@/models/ModelPage")) },
  { path: "/try", page: lazy(() => import("@/predictions/TryPage")) },
  { path: "/access/keys", page: lazy(() => import("@/access/KeysPage")) },
  { path: "/access/members", page: lazy(() => import("@/access/MembersPage")) },
  { path: "/access/audit", page: lazy(() => import("@/access/AuditPage")) },
  { path: "/access/use", page: lazy(() => import("@/access/UsePage")) },
  { path: "/sign-in", page: lazy(() => import("@/access/SignedIn")) },
  { path: "/service", page: lazy(() => import("@/service/ServicePage")) },
];
