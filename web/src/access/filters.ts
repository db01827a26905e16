/** The filters of the audit log, as the URL and the service have them. */

export interface AuditFilters {
  action: string;
  subject: string;
  principal: string;
  /** Days as YYYY-MM-DD in the browser's time zone; both are included. */
  from: string;
  to: string;
}

export const NO_FILTERS: AuditFilters = {
  action: "",
  subject: "",
  principal: "",
  from: "",
  to: "",
};

/** Read the filters of a URL. */
export function readFilters(params: URLSearchParams): AuditFilters {
  return {
    action: params.get("action") ?? "",
    subject: params.get("subject") ?? "",
    principal: params.get("principal") ?? "",
    from: params.get("from") ?? "",
    to: params.get("to") ?? "",
  };
}

/** The filters that are set, for a URL. */
export function writeFilters(filters: AuditFilters): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== ""));
}

/** The filters as parameters of `GET /audit`. */
export function toQuery(filters: AuditFilters): Record<string, string> {
  const { action, subject, principal, from, to } = filters;
  return {
    ...(action ? { action } : {}),
    ...(subject ? { subject } : {}),
    ...(principal ? { principal_id: principal } : {}),
    ...startOf("since", from, 0),
    ...startOf("until", to, 1),
  };
}

/** The first moment of a day, or of one some days later; nothing for what is no day. */
function startOf(name: string, day: string, later: number): Record<string, string> {
  const moment = new Date(`${day}T00:00`);
  if (Number.isNaN(moment.getTime())) return {};
  moment.setDate(moment.getDate() + later);
  return { [name]: moment.toISOString() };
}
