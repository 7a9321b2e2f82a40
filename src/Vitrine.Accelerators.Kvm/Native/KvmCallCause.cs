using Vitrine.Errors;

namespace Vitrine.Accelerators.Kvm.Native;

/// <summary>What a number that a call failed with means.</summary>
/// <param name="Why">The most probable cause. One sentence.</param>
/// <param name="Remedy">What to do about it. One sentence.</param>
/// <param name="Code">The error's code.</param>
internal readonly record struct KvmCallCause(string Why, string Remedy, string Code = ErrorCode.KvmCallFailed);
