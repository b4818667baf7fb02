package inventory

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/resource"
)

// home is the region of a partition that knows what is in none.
func home(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// begin finds the regions that are looked at: those that the connection names; else those of the projects that have the account,
// where each names some; else all that the account has enabled.
func (s *step) begin(ctx context.Context) error {
	roster, _, err := project.Read(ctx, s.task.Tenant)
	if err != nil {
		return err
	}
	wanted := s.task.Connection.Regions
	if len(wanted) == 0 {
		wanted = regionsOf(roster, s.task.Connection.AccountID)
	}
	enabled, err := s.regions(ctx)
	if err != nil {
		if _, denied := refused(err, lister{actions: []string{"ec2:DescribeRegions"}}); !denied || len(wanted) == 0 {
			return err
		}
	}
	s.notes = notes{Begun: true, All: len(wanted) == 0}
	for _, r := range wanted {
		if on, known := enabled[r]; enabled != nil && !known {
			s.notes.Looks = append(s.notes.Looks, resource.Look{Region: r, Reason: fmt.Sprintf("AWS has no region %s in the partition %s. Take it away from the regions "+
				"of the connection or project, or correct it.", r, s.task.Connection.Partition)})
		} else if enabled != nil && !on {
			s.notes.Looks = append(s.notes.Looks, resource.Look{Region: r, Reason: "The region is disabled in the account. Enable it there, or take it away from the regions " +
				"of the connection or project."})
		} else if !slices.Contains(s.notes.Regions, r) {
			s.notes.Regions = append(s.notes.Regions, r)
		}
	}
	if s.notes.All {
		for r, on := range enabled {
			if on {
				s.notes.Regions = append(s.notes.Regions, r)
			}
		}
	}
	slices.Sort(s.notes.Regions)
	return s.task.Keep(s.notes)
}

// regions asks which regions there are, and whether the account has enabled each.
func (s *step) regions(ctx context.Context) (map[string]bool, error) {
	config := s.base.Copy()
	config.Region = home(s.task.Connection.Partition)
	out, err := ec2.NewFromConfig(config).DescribeRegions(ctx, &ec2.DescribeRegionsInput{AllRegions: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	enabled := map[string]bool{}
	for _, r := range out.Regions {
		enabled[aws.ToString(r.RegionName)] = aws.ToString(r.OptInStatus) != "not-opted-in"
	}
	return enabled, nil
}

// regionsOf is where all projects together look that can have resources of an account; nil where one of them looks everywhere.
func regionsOf(r project.Roster, account string) (all []string) {
	for _, p := range r.Projects {
		if !slices.Contains(p.AccountIDs, account) && (len(p.AccountIDs) > 0 || len(p.TagSelector) == 0) {
			continue
		}
		if len(p.Regions) == 0 {
			return nil
		}
		all = append(all, p.Regions...)
	}
	return all
}
