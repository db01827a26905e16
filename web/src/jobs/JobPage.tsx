import { Page } from "@/ui/Page";

export default function JobPage() {
  return (
    <Page title="JobPage" documentTitle="JobPage">
      <p>JobPage</p>
    </Page>
  );
}
