namespace Vitrine.Explain.Model;

/// <summary>The name of an address of an instruction.</summary>
/// <param name="What">What is there: "CS:RIP", "branch target", "call target", "operand", "next" (where it goes on), "CR2" (the address of a page fault).</param>
/// <param name="Address">The linear address.</param>
/// <param name="Name">The symbol, with the distance behind it: "start_kernel", "memcpy+0x1f".</param>
public sealed record SymbolFact(string What, ulong Address, string Name)
{
    /// <summary>A file says so, which may be another kernel's: derived.</summary>
    public Evidence Evidence => Evidence.Derived;
}
