"""Jira on loopback: Cloud (REST v3, rich text as ADF) and Data Center (REST v2, wiki text), strict where Jira is strict.

What belongs here: Jira's own rules, in Jira's own words, on state that is plain JSON. What does not: anything bridge does
with Jira, faults and the request log (`bridge.sandbox.server` puts those around every site).
"""

from bridge.sandbox.jira.site import JiraCloudSite, JiraDataCenterSite

__all__ = ["JiraCloudSite", "JiraDataCenterSite"]
