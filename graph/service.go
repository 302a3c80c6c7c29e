//go:build linux

package graph

import "github.com/enginejobs/docker/engine"

// Install puts the jobs of the store on the engine.
func (s *Store) Install(eng *engine.Engine) error {
	return eng.Declare(
		s.distributionInspectDeclaration(),
		s.historyDeclaration(),
		s.imageAppendDeclaration(),
		s.imageDeleteDeclaration(),
		s.imageExportDeclaration(),
		s.imageGetDeclaration(),
		s.imageInspectDeclaration(),
		s.imageSetDeclaration(),
		s.imageSquashDeclaration(),
		s.imageTagDeclaration(),
		s.imageTarlayerDeclaration(),
		s.imagesCheckDeclaration(),
		s.imagesDeclaration(),
		s.imagesPruneDeclaration(),
		s.importDeclaration(),
		s.loadDeclaration(),
		s.pullDeclaration(),
		s.pushDeclaration(),
		s.tagDeclaration(),
		s.vizDeclaration(),
	)
}
