enum EnginesPlaceholder {}
