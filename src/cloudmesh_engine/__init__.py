"""The `cms` half of the appliance: Cloudmesh's commands made to tell the truth."""
