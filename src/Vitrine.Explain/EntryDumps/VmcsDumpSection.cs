namespace Vitrine.Explain.EntryDumps;

/// <summary>The three sections of a VMCS dump, in which the same names mean different fields.</summary>
internal enum VmcsDumpSection
{
    Guest,
    Host,
    Control,
}
